import { toBinary, type DescField, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { fork, join, writeBytes, writeText, writeUint32 } from './wire-writer.ts';

/** Fields of messages that are written by hand: a tag, and what follows it. A field without presence is left out where it is empty. */

const { LengthDelimited, Varint } = WireType;

export const lengthTag = (field: DescField): number => (field.number << 3) | LengthDelimited;
export const varintTag = (field: DescField): number => (field.number << 3) | Varint;
export const doubleTag = (field: DescField): number => (field.number << 3) | WireType.Bit64;

/** By hand where all of the message is known. */
export function writeMessage<Desc extends DescMessage>(
  tag: number,
  desc: Desc,
  message: MessageShape<Desc>,
  write: (message: MessageShape<Desc>) => void,
): void {
  if (message.$unknown !== undefined) return writeWhole(tag, desc, message);
  writeUint32(tag);
  const start = fork();
  write(message);
  join(start);
}

/** A message that is not written by hand. */
export function writeWhole<Desc extends DescMessage>(
  tag: number,
  desc: Desc,
  message: MessageShape<Desc>,
): void {
  writeUint32(tag);
  writeBytes(toBinary(desc, message));
}

export function writeTextField(tag: number, text: string): void {
  if (text === '') return;
  writeUint32(tag);
  writeText(text);
}

export function writeUint32Field(tag: number, value: number): void {
  if (value === 0) return;
  writeUint32(tag);
  writeUint32(value);
}
