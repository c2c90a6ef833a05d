import { join } from 'node:path';
import type { ServiceDefinition } from './supervisor.js';

/** The file that all output of the service goes to, named as runit's logger names it. */
const LOG_FILE = 'current';

/** A word of `ExecStart`: quoted, and what systemd would replace (`%`, `$`) doubled. */
const word = (text: string): string =>
  `"${text.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;

/** The unit; it may open many files, since each node is a connection. */
export const unitFile = ({ command, userName, logs }: ServiceDefinition): string =>
  `# Made by opscode-push-jobs-server-ctl reconfigure, which overwrites it.
[Unit]
Description=Push Jobs server for Chef
After=network-online.target postgresql.service
Wants=network-online.target

[Service]
ExecStart=${command.map(word).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
User=${userName}
Restart=always
RestartSec=1
TimeoutStopSec=40
LimitNOFILE=524288
StandardOutput=append:${join(logs, LOG_FILE)}
StandardError=inherit
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=full
ProtectHome=yes

[Install]
WantedBy=multi-user.target
`;

/** The rotation of that file; the service keeps it open, so it is copied and cut. */
export const logrotateConfig = ({ logs, logRotation, userName }: ServiceDefinition): string =>
  `# Made by opscode-push-jobs-server-ctl reconfigure, which overwrites it.
${join(logs, LOG_FILE)} {
  size ${logRotation.file_maxbytes}
  rotate ${logRotation.num_to_keep}
  copytruncate
  missingok
  notifempty
  su ${userName} ${userName}
}
`;
