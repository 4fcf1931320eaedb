/**
 * The server of the documentation's HorizontalPodAutoscaler walkthrough: each request makes PHP add up a million square roots,
 * and answers `OK!`. That takes the processor's time, so a container with a CPU limit answers more slowly the more it is asked.
 * Source: https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale-walkthrough/
 */
import { type HttpResponse, httpServer, NetworkError, type Program, writeText } from "../../host/index.ts";
import { debian } from "./base.ts";
import { type Image, once } from "./image.ts";

const root = "/var/www/html";
/** Of a million square roots: with the walkthrough's load, one request after another, about 0.61 of a core. */
const requestCpuMs = 16;

const indexPhp = `<?php
  $x = 0.0001;
  for ($i = 0; $i <= 1000000; $i++) {
    $x += sqrt($x);
  }
  echo "OK!";
?>
`;

/** `01/Jan/2026:00:00:00 +0000`. */
function stamp(timeMs: number): string {
	const [, day = "", month = "", year = ""] = new Date(timeMs).toUTCString().replace(",", "").split(" ");
	return `${day}/${month}/${year}:${new Date(timeMs).toISOString().slice(11, 19)} +0000`;
}

const apache: Program = async ({ machine, process, stdout, stderr }) => {
	const { clock, cpu, network } = machine;
	const serve = async (target: string): Promise<HttpResponse> => {
		const path = target.split("?")[0];
		if (path !== "/" && path !== "/index.php") return { status: 404, headers: { "Content-Type": "text/html" }, body: "Not Found\n" };
		await cpu.run(requestCpuMs, process.ended);
		return { status: 200, headers: { "Content-Type": "text/html" }, body: "OK!" };
	};
	let listener: ReturnType<typeof network.listen>;
	try {
		listener = network.listen(
			80,
			httpServer(async ({ method, target, remoteAddress, headers }) => {
				const response = await serve(target);
				const size = Buffer.byteLength(response.body ?? "");
				const agent = headers.get("user-agent") ?? "-";
				void writeText(
					stdout,
					`${remoteAddress} - - [${stamp(clock.now())}] "${method} ${target} HTTP/1.1" ${response.status} ${size} "-" "${agent}"\n`,
				);
				return {
					...response,
					headers: {
						Date: new Date(clock.now()).toUTCString(),
						Server: "Apache/2.4.10 (Debian)",
						"X-Powered-By": "PHP/5.6.14",
						...response.headers,
					},
				};
			}),
			process,
		);
	} catch (error) {
		if (!(error instanceof NetworkError)) throw error;
		await writeText(stderr, "(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:80\n");
		return 1;
	}
	await writeText(
		stderr,
		"[mpm_prefork:notice] [pid 1] AH00163: Apache/2.4.10 (Debian) PHP/5.6.14 configured -- resuming normal operations\n[core:notice] [pid 1] AH00094: Command line: 'apache2 -D FOREGROUND'\n",
	);
	await new Promise<void>((resolve) => {
		for (const signal of ["TERM", "INT"] as const) process.onSignal(signal, resolve);
	});
	listener.close();
	await writeText(stderr, "[mpm_prefork:notice] [pid 1] AH00169: caught SIGTERM, shutting down\n");
	return 0;
};

export const hpaExampleImage: Image = {
	repositories: ["registry.k8s.io/hpa-example", "k8s.gcr.io/hpa-example", "gcr.io/google_containers/hpa-example"],
	sizeBytes: 200_680_912,
	config: {
		cmd: ["apache2-foreground"],
		env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", PHP_VERSION: "5.6.14" },
		workingDir: root,
	},
	files: once(() => debian(["curl"]).program("/usr/local/bin/apache2-foreground", "apache2").file(`${root}/index.php`, indexPhp).build()),
	programs: { apache2: apache },
	usage: { cores: 0.001, memoryBytes: 11_206_656 },
};
