import { join } from 'node:path';
import type { ServiceDefinition } from './supervisor.js';

/** The file that all output of the service goes to, named as runit's logger names it. */
const LOG_FILE = 'current';

/** A word of `ExecStart`: quoted, and what systemd would replace (`%`, `$`) doubled. */
const word = (text: string): string =>
  `"${text.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`;

/** What the shell does with the log and the command that follow it; both are its words, so nothing in them is special. */
const INTO_LOG = 'exec >> "$0" 2>&1; exec "$@"';

/**
 * The unit; it may open many files, since each node is a connection. The log is opened as the service user, by a shell
 * that the server then takes the place of: a file that systemd opens would be root's, and logrotate could not cut it.
 */
export const unitFile = ({ command, userName, logs }: ServiceDefinition): string =>
  `# Made by opscode-push-jobs-server-ctl reconfigure, which overwrites it.
[Unit]
Description=Push Jobs server for Chef
After=network-online.target postgresql.service
Wants=network-online.target
# It comes back by itself, however often it was started in vain: at a boot the database can be the last to be there.
StartLimitIntervalSec=0

[Service]
ExecStart=${['/bin/sh', '-c', INTO_LOG, join(logs, LOG_FILE), ...command].map(word).join(' ')}
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
 * The rotation of that file; the service keeps it open, so it is copied and cut, as the service user: root follows
 * nobody's links. The size counts whenever logrotate is run, on most machines once a day.
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
