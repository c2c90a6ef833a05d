/**
 * Applies the variables of a settings file (`ENV['NAME'] = …`) to our environment. Each read of the file starts from
 * the original environment; otherwise `ENV['PATH'] = "/opt/bin:#{ENV['PATH']}"` would grow with every read.
 */
export class FileEnvironment {
  /** Original values of the variables that a file has set. */
  private readonly originalValues = new Map<string, string | undefined>();

  constructor(private readonly env: NodeJS.ProcessEnv) {}

  /** The environment without the changes of any file. */
  get original(): Readonly<Record<string, string | undefined>> {
    return new Proxy(this.env, {
      get: (env, name) => {
        if (typeof name !== 'string') return undefined;
        return this.originalValues.has(name) ? this.originalValues.get(name) : env[name];
      },
    });
  }

  /** Sets variables, unsets those that are null, and restores the variables that only an earlier read had set. */
  apply(variables: ReadonlyMap<string, string | null>): void {
    for (const name of variables.keys())
      if (!this.originalValues.has(name)) this.originalValues.set(name, this.env[name]);
    for (const [name, original] of this.originalValues) {
      const value = variables.has(name) ? variables.get(name) : original;
      if (value === null || value === undefined) Reflect.deleteProperty(this.env, name);
      else this.env[name] = value;
    }
  }
}
