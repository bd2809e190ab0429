import type { ListNeighborsRequest, ListNeighborsResponse, Neighbor } from '@entdb/contracts';
import { compareText } from '../values.ts';
import { edgesOf, otherEnd } from './edges.ts';
import {
  edgesFollowedMax,
  limitOf,
  neighborDepthMax,
  neighborsDefault,
  neighborsMax,
} from './limits.ts';
import { findNode, strayIndex } from './node-rows.ts';
import type { ReadFile } from './read-file.ts';

/**
 * Breadth first: nearest first, then by id, each node once, never the start. It ends early, and says so (`truncated`), at the limit of
 * neighbours or after `edgesFollowedMax` edges; of the last depth it then has only those that it came past.
 */
export function listNeighbors(
  file: ReadFile,
  request: ListNeighborsRequest,
): ListNeighborsResponse {
  const depthMax = limitOf(request.depth, 1, neighborDepthMax, 'depth');
  const limit = limitOf(request.limit, neighborsDefault, neighborsMax, 'limit');
  return file.readActive(({ position }) => {
    const { found, truncated } = walkBreadthFirst(file, request, depthMax, limit);
    const neighbors = found.map(({ id, depth }): Neighbor => {
      if (request.idsOnly) return { $typeName: 'entdb.v1.Neighbor', id, depth };
      const node = findNode(file, id);
      if (!node) throw strayIndex('edges', id, 'leads to no node');
      return { $typeName: 'entdb.v1.Neighbor', id, depth, node };
    });
    return { $typeName: 'entdb.v1.ListNeighborsResponse', neighbors, truncated, position };
  });
}

interface Reached {
  readonly id: string;
  readonly depth: number;
}

function walkBreadthFirst(
  file: ReadFile,
  { nodeId, direction, edgeTypeIds }: ListNeighborsRequest,
  depthMax: number,
  limit: number,
): { readonly found: readonly Reached[]; readonly truncated: boolean } {
  const seen = new Set([nodeId]);
  const found: Reached[] = [];
  let frontier = [nodeId];
  let edgesLeft = edgesFollowedMax;
  for (let depth = 1; depth <= depthMax && frontier.length > 0; depth++) {
    const level: string[] = [];
    const room = limit - found.length;
    const isOver = () => edgesLeft < 0 || (room === 0 && level.length > 0);
    for (const id of frontier) {
      for (const edge of edgesOf(file, { nodeId: id, direction, edgeTypeIds })) {
        if (edgesLeft-- === 0) break;
        const other = otherEnd(edge, direction);
        if (seen.has(other)) continue;
        seen.add(other);
        level.push(other);
        // Nothing more fits: that there is one more is all we need to know.
        if (room === 0) break;
      }
      if (isOver()) break;
    }
    level.sort(compareText);
    for (const id of level.slice(0, room)) found.push({ id, depth });
    if (isOver() || level.length > room) return { found, truncated: true };
    frontier = level;
  }
  return { found, truncated: false };
}
