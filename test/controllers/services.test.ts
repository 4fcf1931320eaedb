import { serviceCidrLives } from "./lives/service-cidrs.ts";
import { serviceLives } from "./lives/services.ts";
import { testLives } from "./properties.ts";

testLives({ ...serviceLives, ...serviceCidrLives });
