import { expect, test } from 'vitest';
import {
  ASSUMED_ONLINE,
  onIntervalPassed,
  onServerCommand,
  onServerHeartbeat,
  type ServerPresence,
} from '../../../../src/client/domain/server-presence.js';

const THRESHOLDS = { offlineThreshold: 3, onlineThreshold: 2 };

const STEPS: Readonly<Record<string, (presence: ServerPresence) => ServerPresence>> = {
  b: (presence) => onServerHeartbeat(presence, THRESHOLDS),
  c: onServerCommand,
  '.': (presence) => onIntervalPassed(presence, THRESHOLDS),
};

/** Plays heartbeats (`b`), commands (`c`) and passed intervals (`.`); returns the mode after each: `+` online, `-` offline. */
const play = (events: string, from: ServerPresence = ASSUMED_ONLINE): string => {
  let presence = from;
  return Array.from(events, (event) => {
    presence = STEPS[event]!(presence);
    return presence.mode === 'online' ? '+' : '-';
  }).join('');
};

test.each([
  ['goes offline after more than three intervals without a heartbeat', '....', '+++-'],
  ['stays online if a heartbeat comes in time', '...b...b', '++++++++'],
  ['goes online after more than two heartbeats', '....bb.b', '+++----+'],
  ['goes online after one command, and offline again without heartbeats', '....c....', '+++-++++-'],
  ['takes a command for no heartbeat while it is online', '...c.', '++++-'],
  ['counts heartbeats from 0 after a gap', '....bb..bbb', '+++-------+'],
])('%s', (_, events, modes) => {
  expect(play(events)).toBe(modes);
});
