import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { AppError } from '../../../src/shared/lib/app-error.js';

/** A port number as number or text. */
const portNumber = z.coerce.number().int().min(1).max(65535);

/** The members of `chef-server-running.json` that we use. */
const runningSchema = z.object({
  private_chef: z.object({
    topology: z.string().optional(),
    role: z.string().optional(),
    postgresql: z
      .object({
        vip: z.string().optional(),
        port: portNumber.optional(),
        db_superuser: z.string().optional(),
        sslmode: z.string().optional(),
      })
      .optional(),
    backend_vips: z.object({ ipaddress: z.string().nullish() }).optional(),
    lb: z.object({ api_fqdn: z.string().optional() }).optional(),
    user: z.object({ username: z.string().optional() }).optional(),
    nginx: z
      .object({
        dir: z.string().optional(),
        ssl_port: portNumber.optional(),
        ssl_certificate: z.string().nullish(),
      })
      .optional(),
    'opscode-erchef': z.object({ vip: z.string().optional(), port: portNumber.optional() }).optional(),
  }),
});

/** The settings of the Chef Server on this machine, as it writes them. */
export type ChefServerRunning = z.infer<typeof runningSchema>['private_chef'];

/** Reads Chef Server's settings; undefined if there is no Chef Server. Throws an AppError that names the file. */
export const readChefServerRunning = (file: string): ChefServerRunning | undefined => {
  if (!existsSync(file)) return undefined;
  const parsed = runningSchema.safeParse(parseJson(file));
  if (parsed.success) return parsed.data.private_chef;
  throw new AppError(
    'chef_server_settings',
    `${file} does not have Chef Server's format (run: chef-server-ctl reconfigure):\n${z.prettifyError(parsed.error)}`,
  );
};

const parseJson = (file: string): unknown => {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    throw new AppError(
      'chef_server_settings',
      `${file} cannot be read as JSON; run: chef-server-ctl reconfigure`,
    );
  }
};
