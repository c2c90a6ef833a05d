/** The TCP ports of 127.0.0.1 that the quick start listens on. */
export interface Ports {
  readonly heartbeat: number;
  readonly chef: number;
  readonly command: number;
  readonly api: number;
}

/** Returns the four ports from the first one on, in the order of LISTENERS in claim.mjs. */
export const portsFrom = (first: number): Ports => ({
  heartbeat: first,
  chef: first + 1,
  command: first + 2,
  api: first + 3,
});
