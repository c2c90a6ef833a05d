/**
 * Whether the server is believed to be there, by its heartbeats (wire protocol, section 5).
 *
 * online   beats come. → offline when more than `offlineThreshold` intervals in a row brought none
 * offline  none come.  → online when more than `onlineThreshold` beats have come again
 */
export interface ServerPresence {
  readonly mode: 'online' | 'offline';
  /** Intervals in a row without a beat. */
  readonly missed: number;
  /** Beats since it went offline, or since the last gap. */
  readonly beats: number;
}

export interface PresenceThresholds {
  readonly offlineThreshold: number;
  readonly onlineThreshold: number;
}

/** A client believes in its server until it learns better. */
export const BELIEVED_ONLINE: ServerPresence = { mode: 'online', missed: 0, beats: 0 };

/** A verified heartbeat came. */
export const onServerBeat = (presence: ServerPresence, thresholds: PresenceThresholds): ServerPresence => {
  if (presence.mode === 'online') return BELIEVED_ONLINE;
  const beats = presence.beats + 1;
  return beats > thresholds.onlineThreshold ? BELIEVED_ONLINE : { mode: 'offline', missed: 0, beats };
};

/** One heartbeat interval has passed. */
export const onIntervalPassed = (
  presence: ServerPresence,
  thresholds: PresenceThresholds,
): ServerPresence => {
  const missed = presence.missed + 1;
  if (presence.mode === 'online') {
    return missed > thresholds.offlineThreshold
      ? { mode: 'offline', missed: 0, beats: 0 }
      : { ...presence, missed };
  }
  // A beat may fall on either side of an interval's end, so only a second empty one is a gap.
  return missed > 1 ? { mode: 'offline', missed, beats: 0 } : { ...presence, missed };
};
