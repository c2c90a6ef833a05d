/**
 * The server's presence, derived from its heartbeats. See docs/spec/wire-protocol.md, "Presence of the server".
 *
 * online   heartbeats come.  → offline after more than `offlineThreshold` intervals in a row without a heartbeat
 * offline  none come.        → online after more than `onlineThreshold` heartbeats without a gap, or after a command
 */
export interface ServerPresence {
  readonly mode: 'online' | 'offline';
  /** Intervals in a row without a heartbeat. */
  readonly missedIntervals: number;
  /** Heartbeats since the server went offline or since the last gap. */
  readonly heartbeats: number;
}

export interface PresenceThresholds {
  readonly offlineThreshold: number;
  readonly onlineThreshold: number;
}

/** The presence at start: a client takes its server for online until heartbeats fail to come. */
export const ASSUMED_ONLINE: ServerPresence = { mode: 'online', missedIntervals: 0, heartbeats: 0 };

/** Returns the presence after a verified heartbeat. */
export const onServerHeartbeat = (
  presence: ServerPresence,
  thresholds: PresenceThresholds,
): ServerPresence => {
  if (presence.mode === 'online') return ASSUMED_ONLINE;
  const heartbeats = presence.heartbeats + 1;
  return heartbeats > thresholds.onlineThreshold
    ? ASSUMED_ONLINE
    : { mode: 'offline', missedIntervals: 0, heartbeats };
};

/**
 * Returns the presence after a verified command. It comes over an encrypted connection that was opened after the
 * heartbeats stopped, so it shows more than any heartbeat.
 */
export const onServerCommand = (presence: ServerPresence): ServerPresence =>
  presence.mode === 'offline' ? ASSUMED_ONLINE : presence;

/** Returns the presence after a heartbeat interval has passed. */
export const onIntervalPassed = (
  presence: ServerPresence,
  thresholds: PresenceThresholds,
): ServerPresence => {
  const missed = presence.missedIntervals + 1;
  if (presence.mode === 'online') {
    return missed > thresholds.offlineThreshold
      ? { mode: 'offline', missedIntervals: 0, heartbeats: 0 }
      : { ...presence, missedIntervals: missed };
  }
  // Server and client intervals are not aligned, so only a second interval without a heartbeat is a gap.
  return missed > 1
    ? { mode: 'offline', missedIntervals: missed, heartbeats: 0 }
    : { ...presence, missedIntervals: missed };
};
