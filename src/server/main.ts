#!/usr/bin/env node

// Without a handler HUP ends the process. Loading the rest takes a second; until it has read settings there is nothing to
// reload.
process.on('SIGHUP', () => undefined);

const { runServer } = await import('./run-server.js');
await runServer(process.argv.slice(2));
