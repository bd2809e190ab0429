import type { DescMethod, DescService, Message } from '@bufbuild/protobuf';
import type { Call, Implementation } from './call.ts';

/** A handler as the transports call it. The router's types hold input and output to the method's descriptor. */
type UntypedHandler = (request: never, call: Call) => Promise<object> | AsyncIterable<object>;

export interface Route {
  readonly method: DescMethod;
  /** The HTTP path: /entdb.v1.CommandService/ExecuteAtomic. */
  readonly path: string;
  readonly handler: UntypedHandler | undefined;
  /** Whether the call counts against the limit on calls in flight. A health check must not fail because the server is busy. */
  readonly limited: boolean;
}

export interface Router {
  service<Service extends DescService>(
    service: Service,
    implementation: Implementation<Service>,
  ): void;
}

export interface RouteTable {
  readonly services: readonly DescService[];
  readonly routes: readonly Route[];
}

/** Collects services and their handlers; fails when two services claim one name. */
export function collectRoutes(
  register: (router: Router) => void,
  options: { readonly limited: boolean } = { limited: true },
): RouteTable {
  const services: DescService[] = [];
  const routes: Route[] = [];
  register({
    service: (service, implementation) => {
      if (services.some((other) => other.typeName === service.typeName)) {
        throw new TypeError(`service ${service.typeName} is registered twice`);
      }
      services.push(service);
      const handlers = implementation as Readonly<Record<string, UntypedHandler | undefined>>;
      for (const method of service.methods) {
        routes.push({
          method,
          path: `/${service.typeName}/${method.name}`,
          handler: handlers[method.localName]?.bind(implementation),
          limited: options.limited,
        });
      }
    },
  });
  return { services, routes };
}

export function mergeRoutes(...tables: readonly RouteTable[]): RouteTable {
  return {
    services: tables.flatMap((table) => table.services),
    routes: tables.flatMap((table) => table.routes),
  };
}

/** The request of a stream, before its type is known. */
export type Messages = AsyncIterable<Message>;
