import { applyDecorators, UseGuards } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { Protection } from './auth.port.js';
import { ProtectionGuard } from './protection.guard.js';

/**
 * Protects a route. Its path has the parameters `:org` and, for the right 'config', `:node`; its module imports
 * `AuthModule`.
 */
export const Protected = (protection: Protection): MethodDecorator =>
  applyDecorators(RouteConfig({ protection }), UseGuards(ProtectionGuard));
