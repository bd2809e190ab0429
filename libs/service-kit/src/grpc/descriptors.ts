/** What server reflection can tell: the files behind the registered services, by name and by symbol. Pure. */
import { toBinary, type DescFile, type DescMessage, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

export interface DescriptorIndex {
  readonly services: readonly string[];
  /** The file and all that it needs, itself first, as bytes of FileDescriptorProto; nothing when there is none. */
  fileByName(name: string): readonly Uint8Array[] | undefined;
  fileBySymbol(symbol: string): readonly Uint8Array[] | undefined;
}

export function indexDescriptors(services: readonly DescService[]): DescriptorIndex {
  const files = new Map<string, DescFile>();
  const symbols = new Map<string, DescFile>();
  const add = (file: DescFile) => {
    if (files.has(file.proto.name)) return;
    files.set(file.proto.name, file);
    for (const symbol of symbolsOf(file)) symbols.set(symbol, file);
    file.dependencies.forEach(add);
  };
  for (const service of services) add(service.file);

  const encode = (file: DescFile | undefined) =>
    file && [...closure(file)].map((needed) => toBinary(FileDescriptorProtoSchema, needed.proto));
  return {
    services: services.map((service) => service.typeName).toSorted(),
    fileByName: (name) => encode(files.get(name)),
    fileBySymbol: (symbol) => encode(symbols.get(symbol)),
  };
}

function closure(file: DescFile, seen = new Set<DescFile>()): Set<DescFile> {
  if (!seen.has(file)) {
    seen.add(file);
    for (const needed of file.dependencies) closure(needed, seen);
  }
  return seen;
}

function* symbolsOf(file: DescFile): Generator<string> {
  for (const service of file.services) {
    yield service.typeName;
    for (const method of service.methods) yield `${service.typeName}.${method.name}`;
  }
  for (const message of file.messages) yield* symbolsOfMessage(message);
  for (const { typeName, values } of file.enums) {
    yield typeName;
    // An enum's values are named in the scope that holds the enum.
    for (const value of values)
      yield `${typeName.slice(0, typeName.lastIndexOf('.') + 1)}${value.name}`;
  }
  for (const extension of file.extensions) yield extension.typeName;
}

function* symbolsOfMessage(message: DescMessage): Generator<string> {
  yield message.typeName;
  for (const field of message.fields) yield `${message.typeName}.${field.name}`;
  for (const nested of message.nestedMessages) yield* symbolsOfMessage(nested);
  for (const nested of message.nestedEnums) yield nested.typeName;
}
