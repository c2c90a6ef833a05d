const NOT_CAPTURED =
  'The output of this job is not captured and cannot be shown: the job was started without --capture.\n';

/** Notifies the user once if the output of a job is to be shown but is not captured. */
export class CaptureNotice {
  private captured = true;

  constructor(private readonly notify: (text: string) => void) {}

  /** True until `update` reports that the output is not captured. */
  get isCaptured(): boolean {
    return this.captured;
  }

  update(isCaptured: boolean): void {
    if (this.captured && !isCaptured) this.notify(NOT_CAPTURED);
    this.captured = isCaptured;
  }
}
