import { spawnSync } from 'node:child_process';
import {
  createFileRegistry,
  fromBinary,
  ScalarType,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescService,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { code, table } from './table.ts';

/** Numbers of fields in descriptor.proto, of which the paths of its comments are made. */
const messagesOfFile = 4;
const enumsOfFile = 5;
const servicesOfFile = 6;
const children = 2;

/** The contract as buf reads it, comments included. */
function contract(): readonly DescFile[] {
  const { status, stdout, stderr, error } = spawnSync('buf', [
    'build',
    '-o',
    '-',
    '--path',
    'proto/entdb',
  ]);
  if (error) throw error;
  if (status !== 0) throw new Error(`buf build: ${stderr.toString()}`);
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, stdout));
  return [...registry.files].filter(({ proto }) => proto.package === 'entdb.v1');
}

function commentAt(file: DescFile, ...path: readonly number[]): string {
  const here = file.proto.sourceCodeInfo?.location.find(
    (location) => location.path.join() === path.join(),
  );
  return (here?.leadingComments ?? '').trim().replaceAll(/\s*\n\s*/g, ' ');
}

const anchor = (name: string): string => `[${name}](#${name.toLowerCase()})`;

function scalar(type: ScalarType): string {
  return code(ScalarType[type].toLowerCase());
}

function typeOf(field: DescField): string {
  switch (field.fieldKind) {
    case 'scalar':
      return scalar(field.scalar);
    case 'enum':
      return anchor(field.enum.name);
    case 'message':
      return anchor(field.message.name);
    case 'list':
      return `list of ${elementOf(field)}`;
    case 'map':
      return `map from ${scalar(field.mapKey)} to ${valueOf(field)}`;
  }
}

function elementOf(field: DescField & { fieldKind: 'list' }): string {
  if (field.listKind === 'scalar') return scalar(field.scalar);
  return anchor(field.listKind === 'enum' ? field.enum.name : field.message.name);
}

function valueOf(field: DescField & { fieldKind: 'map' }): string {
  if (field.mapKind === 'scalar') return scalar(field.scalar);
  return anchor(field.mapKind === 'enum' ? field.enum.name : field.message.name);
}

function serviceSection(service: DescService, index: number): string {
  const { file } = service;
  const rows = service.methods.map((method, i) => {
    const streams = {
      unary: ['', ''],
      server_streaming: ['', 'stream of '],
      client_streaming: ['stream of ', ''],
      bidi_streaming: ['stream of ', 'stream of '],
    } as const;
    const [inward, outward] = streams[method.methodKind];
    return [
      code(method.name),
      `${inward}${anchor(method.input.name)}`,
      `${outward}${anchor(method.output.name)}`,
      commentAt(file, servicesOfFile, index, children, i),
    ];
  });
  const home = service.name === 'QueryService' ? 'applier' : 'gateway';
  return `## ${service.name}\n\n\`entdb.v1.${service.name}\`, on the ${home}.\n\n${table(['call', 'request', 'response', 'what'], rows)}`;
}

function messageSection(message: DescMessage, index: number): string {
  const { file } = message;
  const rows = message.fields.map((field, i) => [
    code(field.name),
    typeOf(field),
    field.oneof ? `one of ${code(field.oneof.name)}` : field.proto.proto3Optional ? 'optional' : '',
    commentAt(file, messagesOfFile, index, children, i),
  ]);
  const fields = rows.length === 0 ? 'No fields.\n' : table(['field', 'type', '', 'what'], rows);
  return section(message.name, commentAt(file, messagesOfFile, index), fields);
}

function enumSection(desc: DescEnum, index: number): string {
  const rows = desc.values.map((value, i) => [
    code(value.name),
    String(value.number),
    commentAt(desc.file, enumsOfFile, index, children, i),
  ]);
  return section(
    desc.name,
    commentAt(desc.file, enumsOfFile, index),
    table(['name', 'number', 'what'], rows),
  );
}

const section = (name: string, comment: string, body: string): string =>
  `### ${name}\n\n${comment === '' ? '' : `${comment}\n\n`}${body}`;

export function rpcsPage(): string {
  const files = contract();
  return [
    `# RPCs

Every call is to be had by gRPC, gRPC-Web and Connect (JSON by \`POST /entdb.v1.<Service>/<Call>\`) on one port. Each server also has \`grpc.health.v1.Health\` and
server reflection. In JSON, 64-bit numbers are strings, and what has its default value (0, false, empty) is left out.
`,
    ...files.flatMap(({ services }) => services.map(serviceSection)),
    '## Messages\n',
    ...files.flatMap(({ messages }) => messages.map(messageSection)),
    '## Enums\n',
    ...files.flatMap(({ enums }) => enums.map(enumSection)),
  ].join('\n');
}
