import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { AppError } from '../../../src/shared/lib/app-error.js';

/** An address that Chef Server wrote, as number or text. */
const portNumber = z.coerce.number().int().min(1).max(65535);

/** What of `chef-server-running.json` matters here; everything else in it is left alone. */
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

/** What the Chef Server on this machine says of itself. */
export type ChefServerRunning = z.infer<typeof runningSchema>['private_chef'];

/** Reads Chef Server's own settings; undefined where there is no Chef Server. Throws an AppError that names the file. */
export const readChefServerRunning = (file: string): ChefServerRunning | undefined => {
  if (!existsSync(file)) return undefined;
  const parsed = runningSchema.safeParse(parseJson(file));
  if (parsed.success) return parsed.data.private_chef;
  throw new AppError(
    'chef_server_settings',
    `${file} is not as Chef Server writes it (run: chef-server-ctl reconfigure):\n${z.prettifyError(parsed.error)}`,
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
