import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { apiDocument, type DocumentedRoute } from './api-document.js';

/** Collects the documented routes when they are added, so that the API document lists exactly what is served. */
@Injectable()
export class RouteCatalog {
  private readonly routes: DocumentedRoute[] = [];
  private json: Buffer | undefined;

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

  /** Returns the API document as JSON. It is made once, because anybody can request it and to make it is expensive. */
  document(): Buffer {
    return (this.json ??= Buffer.from(JSON.stringify(apiDocument(this.routes))));
  }
}
