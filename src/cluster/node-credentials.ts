/**
 * How simulated machines prove who they are where they do so: by a bootstrap token, as `kubeadm join` has one, and then by the
 * certificate that they got for it. Each request is judged on the cluster's clock, as it would be over TLS.
 */
import { X509Certificate } from "node:crypto";
import type { ApiRequest, ApiResponse, WatchHandle, WatchSink } from "../apimachinery/api-request.ts";
import { bootstrapTokenType } from "../apimachinery/bootstrap-token.ts";
import type { Clock } from "../apimachinery/clock/clock.ts";
import type { Random } from "../apimachinery/random.ts";
import { newUnauthorized } from "../apimachinery/status-error.ts";
import { formatTime } from "../apimachinery/time.ts";
import type { UserInfo } from "../apimachinery/user.ts";
import { isAuthenticated } from "../apiserver/authentication/authenticator.ts";
import { ClientCertificateAuthenticator } from "../apiserver/authentication/client-certificate.ts";
import { Client } from "../client/client.ts";
import { secrets } from "../client/resources.ts";
import type { Transport } from "../client/transport.ts";
import type { NodeCredentials } from "../kubelet-sim/index.ts";

/** As `kubeadm token create` makes them. */
const tokenLifetimeMs = 24 * 3600_000;
/** A token that is older is not given to anybody any more. */
const tokenReuseMs = 23 * 3600_000;
const joiningGroup = "system:bootstrappers:kubeadm:default-node-token";
const letters = "0123456789abcdefghijklmnopqrstuvwxyz";

export interface NodeCredentialsOptions {
	readonly clock: Clock;
	readonly random: Random;
	/** PEM. */
	readonly clientCa: string;
	/** Whose tokens machines join with. */
	readonly administrator: Client;
	/** Whose the token is; undefined: nobody's. */
	readonly authenticateToken: (token: string) => Promise<UserInfo | undefined>;
	readonly wayFor: (user: UserInfo) => Transport;
}

export function createNodeCredentials(options: NodeCredentialsOptions): NodeCredentials {
	const { clock, wayFor, authenticateToken } = options;
	// Made for the first node that has a certificate.
	let authenticator: ClientCertificateAuthenticator | undefined;
	let last: { readonly token: Promise<string>; readonly madeAtMs: number } | undefined;
	return {
		newToken() {
			if (last === undefined || clock.now() - last.madeAtMs > tokenReuseMs) last = { token: makeToken(options), madeAtMs: clock.now() };
			return last.token;
		},
		withToken: (token) => new Client(new IdentifiedTransport(wayFor, () => authenticateToken(token))),
		withCertificate(certificate) {
			let read: { readonly pem: string; readonly certificate: X509Certificate } | undefined;
			return new Client(
				new IdentifiedTransport(wayFor, () => {
					const pem = certificate();
					if (pem === undefined) return undefined;
					if (read?.pem !== pem) read = { pem, certificate: new X509Certificate(pem) };
					authenticator ??= new ClientCertificateAuthenticator(options.clientCa);
					const verdict = authenticator.authenticate(read.certificate, clock.now());
					return isAuthenticated(verdict) ? verdict.user : undefined;
				}),
			);
		},
	};
}

async function makeToken({ clock, random, administrator }: NodeCredentialsOptions): Promise<string> {
	const draw = (length: number) => Array.from({ length }, () => letters[random.int(letters.length)]).join("");
	const id = draw(6);
	const secret = draw(16);
	await administrator.resource(secrets).create({
		apiVersion: "v1",
		kind: "Secret",
		metadata: { namespace: "kube-system", name: `bootstrap-token-${id}` },
		type: bootstrapTokenType,
		stringData: {
			"token-id": id,
			"token-secret": secret,
			expiration: formatTime(clock.now() + tokenLifetimeMs),
			"usage-bootstrap-authentication": "true",
			"usage-bootstrap-signing": "true",
			"auth-extra-groups": joiningGroup,
		},
	});
	return `${id}.${secret}`;
}

type WhoAsks = () => UserInfo | undefined | Promise<UserInfo | undefined>;

/** A way on which it is found out for each request who makes it. */
class IdentifiedTransport implements Transport {
	readonly #wayFor: (user: UserInfo) => Transport;
	readonly #whoAsks: WhoAsks;
	/** A certificate names the very same user each time. */
	readonly #ways = new WeakMap<UserInfo, Transport>();

	constructor(wayFor: (user: UserInfo) => Transport, whoAsks: WhoAsks) {
		this.#wayFor = wayFor;
		this.#whoAsks = whoAsks;
	}

	async request(request: ApiRequest): Promise<ApiResponse> {
		return (await this.#way()).request(request);
	}

	async watch(request: ApiRequest, sink: WatchSink): Promise<WatchHandle> {
		return (await this.#way()).watch(request, sink);
	}

	async #way(): Promise<Transport> {
		const user = await this.#whoAsks();
		if (user === undefined) throw newUnauthorized();
		const known = this.#ways.get(user);
		if (known !== undefined) return known;
		const made = this.#wayFor(user);
		this.#ways.set(user, made);
		return made;
	}
}
