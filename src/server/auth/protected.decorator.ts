import { applyDecorators, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { RouteDoc } from '../http/route-doc.js';
import type { Protection } from './auth.port.js';
import { ProtectionGuard } from './protection.guard.js';

/**
 * Protects a route. Its path must have the parameter `:org` and, for the right 'config', `:node`. Its module must import
 * `AuthModule`. `doc` adds the route to the API document.
 */
export const Protected = (protection: Protection, doc?: RouteDoc): MethodDecorator =>
  applyDecorators(RouteConfig({ protection, doc }), UseGuards(ProtectionGuard));
