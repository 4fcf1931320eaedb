/** etcd's Auth service. Source: https://etcd.io/docs/v3.6/op-guide/authentication/rbac/ */
import type { CallContext, Handlers } from "../grpc/server.ts";
import type { Member } from "../member.ts";
import { rpcErrors } from "../rpc-errors.ts";
import type { AuthGate } from "./auth-gate.ts";
import type { AuthStore } from "./auth-store.ts";
import { hashPassword, isPassword } from "./passwords.ts";
import type { Tokens } from "./tokens.ts";

export interface AuthServiceOptions {
	readonly auth: AuthStore;
	readonly tokens: Tokens;
	readonly gate: AuthGate;
	readonly member: Member;
}

export function authService({ auth, tokens, gate, member }: AuthServiceOptions): Handlers {
	const done = () => ({ header: member.header() });
	/** Users see themselves and their roles, administrators everything. */
	const checkOwn = (context: CallContext, isOwn: (user: string) => boolean) => {
		if (auth.enabled && !isOwn(gate.userOf(context) ?? "")) gate.checkAdmin(context);
	};
	const logOut = (...users: readonly string[]) => tokens.revoke((user) => users.includes(user));
	return {
		async "/etcdserverpb.Auth/AuthEnable"(_, context) {
			gate.checkAdmin(context);
			await auth.enable();
			return done();
		},
		async "/etcdserverpb.Auth/AuthDisable"(_, context) {
			gate.checkAdmin(context);
			await auth.disable();
			await tokens.revoke(() => true);
			return done();
		},
		async "/etcdserverpb.Auth/AuthStatus"(_, context) {
			gate.checkAdmin(context);
			return { header: member.header(), enabled: auth.enabled, authRevision: BigInt(auth.revision) };
		},
		async "/etcdserverpb.Auth/Authenticate"({ name, password }) {
			if (!auth.enabled) throw rpcErrors.authNotEnabled();
			const hashed = auth.user(name)?.password;
			if (hashed === undefined || !(await isPassword(password, hashed))) throw rpcErrors.authFailed();
			return { header: member.header(), token: await tokens.issue(name, member.status.index) };
		},
		async "/etcdserverpb.Auth/UserAdd"({ name, password, options }, context) {
			gate.checkAdmin(context);
			await auth.addUser(name, options?.noPassword === true ? undefined : await hashPassword(password));
			return done();
		},
		async "/etcdserverpb.Auth/UserGet"({ name }, context) {
			checkOwn(context, (user) => user === name);
			return { header: member.header(), roles: auth.existingUser(name).roles };
		},
		async "/etcdserverpb.Auth/UserList"(_, context) {
			gate.checkAdmin(context);
			return { header: member.header(), users: auth.userNames };
		},
		async "/etcdserverpb.Auth/UserDelete"({ name }, context) {
			gate.checkAdmin(context);
			await auth.deleteUser(name);
			logOut(name);
			return done();
		},
		async "/etcdserverpb.Auth/UserChangePassword"({ name, password }, context) {
			gate.checkAdmin(context);
			await auth.changePassword(name, await hashPassword(password));
			logOut(name);
			return done();
		},
		async "/etcdserverpb.Auth/UserGrantRole"({ user, role }, context) {
			gate.checkAdmin(context);
			await auth.grantRole(user, role);
			return done();
		},
		async "/etcdserverpb.Auth/UserRevokeRole"({ name, role }, context) {
			gate.checkAdmin(context);
			await auth.revokeRole(name, role);
			return done();
		},
		async "/etcdserverpb.Auth/RoleAdd"({ name }, context) {
			gate.checkAdmin(context);
			await auth.addRole(name);
			return done();
		},
		async "/etcdserverpb.Auth/RoleGet"({ role }, context) {
			checkOwn(context, (user) => auth.user(user)?.roles.includes(role) === true);
			return { header: member.header(), perm: auth.role(role) };
		},
		async "/etcdserverpb.Auth/RoleList"(_, context) {
			gate.checkAdmin(context);
			return { header: member.header(), roles: auth.roleNames };
		},
		async "/etcdserverpb.Auth/RoleDelete"({ role }, context) {
			gate.checkAdmin(context);
			await auth.deleteRole(role);
			return done();
		},
		async "/etcdserverpb.Auth/RoleGrantPermission"({ name, perm }, context) {
			gate.checkAdmin(context);
			if (perm === undefined) throw rpcErrors.permissionNotGiven();
			await auth.grantPermission(name, perm);
			return done();
		},
		async "/etcdserverpb.Auth/RoleRevokePermission"({ role, key, rangeEnd }, context) {
			gate.checkAdmin(context);
			await auth.revokePermission(role, key, rangeEnd);
			return done();
		},
	};
}
