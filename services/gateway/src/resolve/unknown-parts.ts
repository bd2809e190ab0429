import { EntError } from '@entdb/base';

/**
 * Protobuf carries fields that a program does not know along, and would write them into the record: the tenant's next reader would fail closed on
 * it, and the tenant stand still. Dropping them would do something else than what was asked. So they are refused here, wherever they are.
 *
 * Throws INVALID_ARGUMENT. The path is asked for only when it is needed.
 */
export function refuseUnknown(
  message: { readonly $unknown?: readonly unknown[] | undefined },
  path: () => string,
): void {
  if (message.$unknown === undefined) return;
  throw new EntError(
    'INVALID_ARGUMENT',
    `${path()}: it has a field that this server does not know`,
    {
      field: path(),
      hint: 'upgrade the server, or use a client of its version',
    },
  );
}
