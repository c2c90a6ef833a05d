const NOT_CAPTURED =
  'The output of this job is not captured, so there is none to show: it was started without --capture.\n';

/** Tells the user once that a job's output, which is to be shown, is not captured; whoever learns it first says so. */
export class CaptureNotice {
  private captured = true;

  constructor(private readonly tell: (text: string) => void) {}

  /** True as long as nothing else is known. */
  get isCaptured(): boolean {
    return this.captured;
  }

  learn(isCaptured: boolean): void {
    if (this.captured && !isCaptured) this.tell(NOT_CAPTURED);
    this.captured = isCaptured;
  }
}
