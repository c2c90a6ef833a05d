import { join } from 'node:path';
import type { ServiceDefinition } from './service-supervisor.js';

/** File for all output of the service; runit's logger uses the same name. */
const LOG_FILE = 'current';

/** Quotes a word of `ExecStart`; doubles what systemd would replace (`%`, `$`). */
const quote = (text: string): string =>
  `"${text.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;

/** Shell script that appends to the log and becomes the command. Both are arguments, so the shell does not interpret them. */
const LOG_AND_EXEC = 'exec >> "$0" 2>&1; exec "$@"';

/**
 * The unit. The limit of open files is high because each node is a connection. A shell opens the log as the service user
 * and then becomes the server: a file that systemd opens would belong to root, and logrotate could not truncate it.
 */
export const unitFile = ({ command, userName, logs }: ServiceDefinition): string =>
  `# Made by opscode-push-jobs-server-ctl reconfigure, which overwrites it.
[Unit]
Description=Push Jobs server for Chef
After=network-online.target postgresql.service
Wants=network-online.target
# Restart without limit: at boot the database can be the last to start.
StartLimitIntervalSec=0

[Service]
ExecStart=${['/bin/sh', '-c', LOG_AND_EXEC, join(logs, LOG_FILE), ...command].map(quote).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
User=${userName}
Restart=always
RestartSec=1
TimeoutStopSec=40
LimitNOFILE=524288
NoNewPrivileges=yes
PrivateTmp=yes
ProtectSystem=full
ProtectHome=yes

[Install]
WantedBy=multi-user.target
`;

/**
 * The log's rotation. The service keeps the file open, so logrotate copies and truncates it; it does so as the service
 * user, so that root follows no links of that user. logrotate checks the size when it runs, usually once a day.
 */
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
