/** Tables of users, keys, teams, budgets and customers. */
export interface PrincipalTables {}
