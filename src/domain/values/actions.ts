/** What can be done, and which role may do it. Roles add up over instance, project and repository. */
export const ACTIONS = [
  'pull',
  'push',
  'tag',
  'promote',
  'hold',
  'release',
  'delete',
  'restore',
  'repository-change',
  'access-change',
  'policy-change',
  'read-log',
  'operate',
] as const;
export type Action = (typeof ACTIONS)[number];

export const ROLES = ['viewer', 'contributor', 'admin', 'auditor', 'policy-author'] as const;
export type Role = (typeof ROLES)[number];

export const ROLE_ACTIONS: Readonly<Record<Role, readonly Action[]>> = {
  viewer: ['pull'],
  contributor: ['pull', 'push', 'tag', 'promote', 'delete', 'restore'],
  admin: ACTIONS,
  auditor: ['pull', 'read-log'],
  'policy-author': ['pull', 'policy-change', 'hold', 'release'],
};

/** Where a right, an attachment or a token's restriction applies. */
export type Scope =
  | { readonly kind: 'instance' }
  | { readonly kind: 'project'; readonly id: string }
  | { readonly kind: 'repository'; readonly id: string };
