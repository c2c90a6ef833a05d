/**
 * The variables that a settings file sets in our environment (`ENV['NAME'] = …`). A file that is read again starts from
 * what was there before it, as otherwise `ENV['PATH'] = "/opt/bin:#{ENV['PATH']}"` would grow each time.
 */
export class FileEnvironment {
  /** What the variables that a file has set were before. */
  private readonly before = new Map<string, string | undefined>();

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  /** The environment without what a file has set. */
  get withoutFile(): Readonly<Record<string, string | undefined>> {
    return new Proxy(this.env, {
      get: (env, name) => {
        if (typeof name !== 'string') return undefined;
        return this.before.has(name) ? this.before.get(name) : env[name];
      },
    });
  }

  /** Sets these variables, unsets those that are null, and gives those that another file had set their value back. */
  set(variables: ReadonlyMap<string, string | null>): void {
    for (const name of variables.keys()) if (!this.before.has(name)) this.before.set(name, this.env[name]);
    for (const [name, before] of this.before) {
      const value = variables.has(name) ? variables.get(name) : before;
      if (value === null || value === undefined) Reflect.deleteProperty(this.env, name);
      else this.env[name] = value;
    }
  }
}
