import type { UserInfo } from "../../apimachinery/user.ts";

/** The server's own identity, for what it writes. */
export const apiserverUser: UserInfo = { name: "system:apiserver", groups: ["system:masters", "system:authenticated"] };
