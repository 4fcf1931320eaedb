/** The images that kubesim brings. */
import { agnhostImage } from "./agnhost.ts";
import { corednsImage } from "./coredns/coredns.ts";
import { echoServerImages } from "./echo-servers.ts";
import { guestbookFrontendImage } from "./guestbook.ts";
import { hpaExampleImage } from "./hpa-example.ts";
import { httpdImage } from "./httpd.ts";
import type { Image } from "./image.ts";
import { mysqlImage } from "./mysql.ts";
import { nginxAlpineImage, nginxImage } from "./nginx.ts";
import { perlImage } from "./perl.ts";
import {
	alpineImage,
	busyboxImage,
	curlImage,
	debianImage,
	dnsutilsImage,
	kubectlImage,
	netshootImage,
	oldBusyboxImage,
	pauseImage,
} from "./plain.ts";
import { redisFollowerImage, redisImage } from "./redis.ts";
import { stressImage, vishStressImage } from "./stress.ts";
import { tomcatImage } from "./tomcat.ts";

export const builtInImages: readonly Image[] = [
	nginxImage,
	nginxAlpineImage,
	oldBusyboxImage,
	busyboxImage,
	alpineImage,
	debianImage,
	curlImage,
	redisImage,
	redisFollowerImage,
	httpdImage,
	pauseImage,
	guestbookFrontendImage,
	hpaExampleImage,
	stressImage,
	vishStressImage,
	perlImage,
	agnhostImage,
	mysqlImage,
	tomcatImage,
	dnsutilsImage,
	corednsImage,
	netshootImage,
	kubectlImage,
	...echoServerImages,
];
