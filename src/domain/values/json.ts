/** JSON as a type. Everything that enters the log, evidence or a hash is one of these. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };
