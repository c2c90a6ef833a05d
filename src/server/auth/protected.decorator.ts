import { applyDecorators, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { RouteDoc } from '../http/route-doc.js';
import type { Protection } from './auth.port.js';
import { ProtectionGuard } from './protection.guard.js';

/**
 * Protects a route. Its path has the parameters `:org` and, for the right 'config', `:node`; its module imports
 * `AuthModule`. With `doc` it is shown in the API document.
 */
export const Protected = (protection: Protection, doc?: RouteDoc): MethodDecorator =>
  applyDecorators(RouteConfig({ protection, doc }), UseGuards(ProtectionGuard));
