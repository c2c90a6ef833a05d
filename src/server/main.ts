#!/usr/bin/env node

// Without a handler a HUP ends a program, also one that is being loaded: before its settings are read there are none to
// be read again. The rest takes a second to load.
process.on('SIGHUP', () => undefined);

const { runServer } = await import('./run-server.js');
await runServer(process.argv.slice(2));
