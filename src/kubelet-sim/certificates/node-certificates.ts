/**
 * How a node gets its certificates, as TLS bootstrapping does it: a machine that has only a bootstrap token asks for a client
 * certificate of its own, is approved by the cluster, and from then on is whoever that certificate says. With `serving`, its
 * kubelet asks for a server's certificate, too, which waits until a person has approved it.
 * Source: https://kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping/, pkg/kubelet/certificate.
 *
 * Certificates lie where the kubelet keeps them, on the simulated machine's disk: a machine that starts anew joins anew.
 */
import type { Clock } from "../../apimachinery/clock/clock.ts";
import type { Logger } from "../../apimachinery/log.ts";
import type { Random } from "../../apimachinery/random.ts";
import { attributeTypes } from "../../apimachinery/x509/distinguished-name.ts";
import type { Client } from "../../client/client.ts";
import type { SimNode } from "../node/sim-node.ts";
import { CertificateManager, type IssuedCertificate } from "./certificate-manager.ts";

const directory = "/var/lib/kubelet/pki";

/** How machines prove who they are. */
export interface NodeCredentials {
	/** A bootstrap token for a machine that joins, as an administrator makes it. */
	newToken(): Promise<string>;
	/** A client that shows a token with every request. */
	withToken(token: string): Client;
	/** A client that shows a certificate (PEM) with every request; undefined: none. */
	withCertificate(certificate: () => string | undefined): Client;
}

export interface CertificateOptions {
	/** Whether the kubelet asks for a server's certificate (serverTLSBootstrap); default false. */
	readonly serving?: boolean;
}

export interface NodeCertificatesOptions extends CertificateOptions {
	readonly node: SimNode;
	readonly credentials: NodeCredentials;
	readonly clock: Clock;
	readonly random: Random;
	readonly log: Logger;
}

export class NodeCertificates {
	/** The node, once it has a certificate; nobody before, and when that is over. */
	readonly client: Client;
	readonly #options: NodeCertificatesOptions;
	readonly #abort = new AbortController();
	#own: CertificateManager | undefined;

	constructor(options: NodeCertificatesOptions) {
		this.#options = options;
		this.client = options.credentials.withCertificate(() => this.#own?.current?.certificate);
	}

	/** Resolves when the first client certificate is there; goes on until `stop`. Rejects if there is no token. */
	async start(): Promise<void> {
		const { credentials, serving = false, node } = this.#options;
		const joining = credentials.withToken(await credentials.newToken());
		const { promise, resolve } = Promise.withResolvers<void>();
		const own = this.#manager(
			{
				signerName: "kubernetes.io/kube-apiserver-client-kubelet",
				usages: ["digital signature", "client auth"],
				content: { subject: subjectOf(node) },
				client: () => (own.current === undefined ? joining : this.client),
			},
			"kubelet-client",
			resolve,
		);
		this.#own = own;
		void own.run(this.#abort.signal);
		await promise;
		if (serving) void this.#serving().run(this.#abort.signal);
	}

	stop(): void {
		this.#abort.abort(new Error("the kubelet has stopped"));
	}

	#serving(): CertificateManager {
		const { node } = this.#options;
		const ipAddresses = [node.address.split(".").map(Number)];
		return this.#manager(
			{
				signerName: "kubernetes.io/kubelet-serving",
				usages: ["digital signature", "server auth"],
				content: { subject: subjectOf(node), dnsNames: [node.name], ipAddresses },
				client: () => this.client,
			},
			"kubelet-server",
			() => undefined,
		);
	}

	#manager(
		asked: Pick<ConstructorParameters<typeof CertificateManager>[0], "signerName" | "usages" | "content" | "client">,
		prefix: string,
		onFirst: () => void,
	): CertificateManager {
		const { node, clock, random, log } = this.#options;
		const onIssued = (issued: IssuedCertificate) => {
			keep(node, prefix, issued, clock.now());
			onFirst();
		};
		return new CertificateManager({
			...asked,
			clock,
			random: random.fork(prefix),
			log,
			node: node.name,
			isRunning: () => node.running,
			onIssued,
		});
	}
}

const subjectOf = ({ name }: SimNode) =>
	[
		[attributeTypes.organization, "system:nodes"],
		[attributeTypes.commonName, `system:node:${name}`],
	] as const;

/** `kubelet-client-2026-01-01-00-00-00.pem`, and a link to the newest one. */
function keep(node: SimNode, prefix: string, { certificate, key }: IssuedCertificate, nowMs: number): void {
	const files = node.hostFiles();
	const time = new Date(nowMs).toISOString().slice(0, 19).replace(/[T:]/g, "-");
	const path = `${directory}/${prefix}-${time}.pem`;
	const current = `${directory}/${prefix}-current.pem`;
	files.mkdir(directory, { recursive: true });
	files.writeFile(path, `${certificate}${key}`);
	files.chmod(path, 0o600);
	files.symlink(path, `${current}.new`);
	files.rename(`${current}.new`, current);
}
