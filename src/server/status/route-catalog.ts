import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { apiDocument, type DocumentedRoute } from './api-document.js';

/** Collects the routes that have a doc while they are added, so that the document tells of what is really served. */
@Injectable()
export class RouteCatalog {
  private readonly routes: DocumentedRoute[] = [];

  /** To be made before the routes are added, as providers are. */
  constructor(host: HttpAdapterHost<FastifyAdapter>) {
    host.httpAdapter.getInstance().addHook('onRoute', ({ url, method, config }) => {
      if (config?.doc === undefined) return;
      const { doc, protection } = config;
      for (const name of [method].flat()) {
        this.routes.push({ method: name, url, doc, right: protection?.right });
      }
    });
  }

  /** The API document. */
  document(): Record<string, unknown> {
    return apiDocument(this.routes);
  }
}
