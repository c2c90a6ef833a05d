import { styleText } from 'node:util';
import type { JobStatus, NodeStatus } from '../../shared/protocol/job-status.js';
import type { NodeAvailability } from '../../shared/protocol/rest-schemas.js';
import type { CliEnvironment, OutputStream } from '../cli-environment.js';
import { isScreen } from './terminal.js';

/** The states that have a colour. */
type State = JobStatus | NodeStatus | NodeAvailability['availability'];

type Colour = 'green' | 'red' | 'yellow' | 'cyan';

const COLOURS: Readonly<Record<State, Colour>> = {
  complete: 'green',
  succeeded: 'green',
  available: 'green',
  failed: 'red',
  crashed: 'red',
  timed_out: 'red',
  aborted: 'red',
  quorum_failed: 'red',
  faulty: 'red',
  nacked: 'yellow',
  unavailable: 'yellow',
  was_ready: 'yellow',
  new: 'cyan',
  voting: 'cyan',
  ready: 'cyan',
  running: 'cyan',
};

/** A state in its colour, on a terminal that shows colours to somebody who wants them (`NO_COLOR` is not set). */
export const colourState = (environment: CliEnvironment, stream: OutputStream, state: State): string =>
  wantsColour(environment, stream) ? styleText(COLOURS[state], state, { validateStream: false }) : state;

const wantsColour = (environment: CliEnvironment, stream: OutputStream): boolean =>
  (environment.env.NO_COLOR ?? '') === '' && isScreen(environment, stream);
