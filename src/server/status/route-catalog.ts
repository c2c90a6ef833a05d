import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { apiDocument, type DocumentedRoute } from './api-document.js';

/** Collects the documented routes when they are added, so that the API document lists exactly what is served. */
@Injectable()
export class RouteCatalog {
  private readonly routes: DocumentedRoute[] = [];

  /** Nest creates providers before it adds routes, so this sees all of them. */
  constructor(host: HttpAdapterHost<FastifyAdapter>) {
    host.httpAdapter.getInstance().addHook('onRoute', ({ url, method, config }) => {
      if (config?.doc === undefined) return;
      const { doc, protection } = config;
      for (const name of [method].flat()) {
        this.routes.push({ method: name, url, doc, right: protection?.right });
      }
    });
  }

  /** Returns the API document. */
  document(): Record<string, unknown> {
    return apiDocument(this.routes);
  }
}
