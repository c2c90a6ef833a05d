import { expect, test } from 'vitest';
import {
  ASSUMED_ONLINE,
  onIntervalPassed,
  onServerHeartbeat,
  type ServerPresence,
} from '../../../../src/client/domain/server-presence.js';

const THRESHOLDS = { offlineThreshold: 3, onlineThreshold: 2 };

/** Plays heartbeats (`b`) and passed intervals (`.`); returns the mode after each: `+` online, `-` offline. */
const play = (events: string, from: ServerPresence = ASSUMED_ONLINE): string => {
  let presence = from;
  return Array.from(events, (event) => {
    presence =
      event === 'b' ? onServerHeartbeat(presence, THRESHOLDS) : onIntervalPassed(presence, THRESHOLDS);
    return presence.mode === 'online' ? '+' : '-';
  }).join('');
};

test.each([
  ['goes offline after more than three intervals without a heartbeat', '....', '+++-'],
  ['stays online if a heartbeat comes in time', '...b...b', '++++++++'],
  ['goes online after more than two heartbeats', '....bb.b', '+++----+'],
  ['counts heartbeats from 0 after a gap', '....bb..bbb', '+++-------+'],
])('%s', (_, events, modes) => {
  expect(play(events)).toBe(modes);
});
