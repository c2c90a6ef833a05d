import { styleText } from 'node:util';
import type { JobStatus, NodeStatus } from '../../shared/protocol/job-status.js';
import type { NodeAvailability } from '../../shared/protocol/rest-schemas.js';
import type { CliEnvironment, OutputStream } from '../cli-environment.js';
import { supportsAnsi } from './terminal.js';

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

/** Colours a state if the stream is a terminal with colours and `NO_COLOR` is not set. */
export const colourState = (environment: CliEnvironment, stream: OutputStream, state: State): string =>
  showsColours(environment, stream) ? styleText(COLOURS[state], state, { validateStream: false }) : state;

const showsColours = (environment: CliEnvironment, stream: OutputStream): boolean =>
  (environment.env.NO_COLOR ?? '') === '' && supportsAnsi(environment, stream);
