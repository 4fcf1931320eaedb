/**
 * Users, roles and whether they count: one note beside the keys. Changes go one at a time, each durable before it holds.
 *
 *     disabled ──enable (root exists and has role root)──> enabled ──disable──> disabled
 *
 * Source: https://etcd.io/docs/v3.6/op-guide/authentication/rbac/; errors as of
 * https://github.com/etcd-io/etcd/blob/main/server/auth/store.go
 */
import type { MaintainedStore } from "../../store.ts";
import { Type } from "../generated/messages.ts";
import { rpcErrors } from "../rpc-errors.ts";
import type { Permission } from "./permissions.ts";

export interface User {
	/** As `hashPassword` makes it; undefined for a user who only ever comes with a certificate. */
	readonly password?: string;
	/** Sorted. */
	readonly roles: readonly string[];
}

interface AuthState {
	readonly enabled: boolean;
	/** Grows with every change of users and roles. */
	readonly revision: number;
	readonly users: Readonly<Record<string, User>>;
	/** Permissions by role, sorted by key. */
	readonly roles: Readonly<Record<string, readonly Permission[]>>;
}

const recordName = "etcd/auth";
const initialState: AuthState = { enabled: false, revision: 1, users: {}, roles: {} };
/** The user who must be there, and the role that may do everything. */
const root = "root";
const rootPermission: Permission = { permType: Type.READWRITE, key: "", rangeEnd: "\0" };

export class AuthStore {
	readonly #store: MaintainedStore;
	/** As of the note that was read last. */
	#known: { readonly record: Uint8Array | undefined; readonly state: AuthState } = { record: undefined, state: initialState };
	#last: Promise<unknown> = Promise.resolve();

	constructor(store: MaintainedStore) {
		this.#store = store;
	}

	/** Another member may have changed it. */
	get #state(): AuthState {
		const record = this.#store.record(recordName);
		if (record !== this.#known.record)
			this.#known = { record, state: record === undefined ? initialState : (JSON.parse(Buffer.from(record).toString()) as AuthState) };
		return this.#known.state;
	}

	get enabled(): boolean {
		return this.#state.enabled;
	}

	get revision(): number {
		return this.#state.revision;
	}

	get userNames(): readonly string[] {
		return Object.keys(this.#state.users).sort();
	}

	get roleNames(): readonly string[] {
		return Object.keys(this.#state.roles).sort();
	}

	user(name: string): User | undefined {
		return Object.hasOwn(this.#state.users, name) ? this.#state.users[name] : undefined;
	}

	isRoot(name: string): boolean {
		return this.user(name)?.roles.includes(root) === true;
	}

	/** All that a user's roles give. */
	permissionsOf(name: string): readonly Permission[] {
		return this.user(name)?.roles.flatMap((role) => this.#permissions(role) ?? []) ?? [];
	}

	/** @throws GrpcError if there is no such role. */
	role(name: string): readonly Permission[] {
		const permissions = this.#permissions(name);
		if (permissions === undefined) throw rpcErrors.roleNotFound();
		return name === root ? [rootPermission] : permissions;
	}

	/** @throws GrpcError if there is no such user. */
	existingUser(name: string): User {
		const user = this.user(name);
		if (user === undefined) throw rpcErrors.userNotFound();
		return user;
	}

	enable(): Promise<void> {
		return this.#change((state) => {
			if (state.enabled) return state;
			if (this.user(root) === undefined) throw rpcErrors.rootUserNotExist();
			if (!this.isRoot(root)) throw rpcErrors.rootRoleNotExist();
			return { ...state, enabled: true };
		});
	}

	disable(): Promise<void> {
		return this.#change((state) => (state.enabled ? { ...state, enabled: false, revision: state.revision + 1 } : state));
	}

	addUser(name: string, password: string | undefined): Promise<void> {
		return this.#change((state) => {
			if (name === "") throw rpcErrors.userEmpty();
			if (this.user(name) !== undefined) throw rpcErrors.userAlreadyExists();
			return withUser(state, name, password === undefined ? { roles: [] } : { password, roles: [] });
		});
	}

	deleteUser(name: string): Promise<void> {
		return this.#change((state) => {
			if (state.enabled && name === root) throw rpcErrors.invalidAuthManagement();
			this.existingUser(name);
			const { [name]: _, ...users } = state.users;
			return changed({ ...state, users });
		});
	}

	changePassword(name: string, password: string): Promise<void> {
		return this.#change((state) => withUser(state, name, { ...this.existingUser(name), password }));
	}

	/** The role root can be given before it is made. */
	grantRole(name: string, role: string): Promise<void> {
		return this.#change((state) => {
			const user = this.existingUser(name);
			if (role !== root && this.#permissions(role) === undefined) throw rpcErrors.roleNotFound();
			if (user.roles.includes(role)) return state;
			return withUser(state, name, { ...user, roles: [...user.roles, role].sort() });
		});
	}

	revokeRole(name: string, role: string): Promise<void> {
		return this.#change((state) => {
			if (state.enabled && name === root && role === root) throw rpcErrors.invalidAuthManagement();
			const user = this.existingUser(name);
			if (!user.roles.includes(role)) throw rpcErrors.roleNotGranted();
			return withUser(state, name, { ...user, roles: user.roles.filter((other) => other !== role) });
		});
	}

	addRole(name: string): Promise<void> {
		return this.#change((state) => {
			if (name === "") throw rpcErrors.roleEmpty();
			if (this.#permissions(name) !== undefined) throw rpcErrors.roleAlreadyExists();
			return withRole(state, name, []);
		});
	}

	/** Takes it from the users who have it, too. */
	deleteRole(name: string): Promise<void> {
		return this.#change((state) => {
			if (state.enabled && name === root) throw rpcErrors.invalidAuthManagement();
			this.role(name);
			const { [name]: _, ...roles } = state.roles;
			const users = Object.entries(state.users).map(([user, value]) => [
				user,
				{ ...value, roles: value.roles.filter((role) => role !== name) },
			]);
			return changed({ ...state, roles, users: Object.fromEntries(users) });
		});
	}

	/** Replaces the permission of the same range. */
	grantPermission(name: string, permission: Permission): Promise<void> {
		return this.#change((state) => {
			this.role(name);
			const others = (state.roles[name] ?? []).filter(({ key, rangeEnd }) => key !== permission.key || rangeEnd !== permission.rangeEnd);
			const permissions = [...others, permission].sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key)));
			return withRole(state, name, permissions);
		});
	}

	revokePermission(name: string, key: string, rangeEnd: string): Promise<void> {
		return this.#change((state) => {
			this.role(name);
			const permissions = state.roles[name] ?? [];
			const left = permissions.filter((permission) => permission.key !== key || permission.rangeEnd !== rangeEnd);
			if (left.length === permissions.length) throw rpcErrors.permissionNotGranted();
			return withRole(state, name, left);
		});
	}

	#permissions(role: string): readonly Permission[] | undefined {
		return Object.hasOwn(this.#state.roles, role) ? this.#state.roles[role] : undefined;
	}

	/** @param plan the state after the change, or the same if there is none; throws what is wrong with it. */
	#change(plan: (state: AuthState) => AuthState): Promise<void> {
		const run = async () => {
			const next = plan(this.#state);
			if (next === this.#state) return;
			await this.#store.setRecord(recordName, Buffer.from(JSON.stringify(next)));
		};
		const done = this.#last.then(run, run);
		this.#last = done;
		return done;
	}
}

function changed(state: AuthState): AuthState {
	return { ...state, revision: state.revision + 1 };
}

function withUser(state: AuthState, name: string, user: User): AuthState {
	return changed({ ...state, users: { ...state.users, [name]: user } });
}

function withRole(state: AuthState, name: string, permissions: readonly Permission[]): AuthState {
	return changed({ ...state, roles: { ...state.roles, [name]: permissions } });
}
