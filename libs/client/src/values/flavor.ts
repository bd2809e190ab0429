declare const flavor: unique symbol;

/**
 * A type that takes its plain form from anywhere, but not another flavour of it: a text from a URL is welcome where the id of a
 * User is wanted, the id of a Post is not.
 */
export type Flavored<T, Name extends string> = T & { readonly [flavor]?: Name };

/** The id of a node of the type named. */
export type NodeId<Type extends string = string> = Flavored<string, Type>;
