import { expect, test } from 'vitest';
import {
  BELIEVED_ONLINE,
  onIntervalPassed,
  onServerBeat,
  type ServerPresence,
} from '../../../../src/client/domain/server-presence.js';

const THRESHOLDS = { offlineThreshold: 3, onlineThreshold: 2 };

/** Plays beats (`b`) and passed intervals (`.`) and tells the mode after each. */
const play = (events: string, from: ServerPresence = BELIEVED_ONLINE): string => {
  let presence = from;
  return Array.from(events, (event) => {
    presence = event === 'b' ? onServerBeat(presence, THRESHOLDS) : onIntervalPassed(presence, THRESHOLDS);
    return presence.mode === 'online' ? '+' : '-';
  }).join('');
};

test.each([
  ['more than three empty intervals make it offline', '....', '+++-'],
  ['a beat in time keeps it online', '...b...b', '++++++++'],
  ['more than two beats bring it back', '....bb.b', '+++----+'],
  ['a gap in between starts the count anew', '....bb..bbb', '+++-------+'],
])('%s', (_, events, modes) => {
  expect(play(events)).toBe(modes);
});
