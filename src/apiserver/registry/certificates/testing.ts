/**
 * What certificates' tests sign with: requests of three sorts of keys and a certificate, made with openssl.
 */

const pem = (type: string, body: string): string => `-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`;
const bytes = (text: string): string => Buffer.from(text).toString("base64");

const ed25519 =
	"MIGdMFECAQAwHjEMMAoGA1UECgwDZGV2MQ4wDAYDVQQDDAVhbGljZTAqMAUGAytlcAMhAOSicgy5z3VpFCZfaS29GUYJXN6ASCyXb1ZxPaUWrUX6oAAwBQYDK2VwA0EAlUqYz1tJHKpYxmVlQELb0X4Om7Gc9cSuW3gRqO3J0J6kC2Nfm8twCqLbxbJknVj4ft4EtU5ow0ClVy8mHM0mDw==";
const ec =
	"MIHYMIGAAgEAMB4xDDAKBgNVBAoMA2RldjEOMAwGA1UEAwwFYWxpY2UwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATmPRb+olowsVaDCfM8+uwvug/QlHWXQ55Esa37q0Tghsfbh1GXbIMGPRHgoRB93yH+zGZ9dwqqs/Tj81XkG2kfoAAwCgYIKoZIzj0EAwIDRwAwRAIgTHAka3iHn3bsAvHxGH3B4ObK51nVhGpAOLsDJalGqgACIFwW9+jD1CASa5wRX3r/zFGRjvdDBGbkcG/6fP3vUXXS";
const rsa =
	"MIIBTzCBuQIBADAQMQ4wDAYDVQQDDAVhbGljZTCBnzANBgkqhkiG9w0BAQEFAAOBjQAwgYkCgYEAlhb5wir1FlWqJuiUkukgewPjrIEyRwe70brluh/9WS+SQe07cRgy15USO/jzrPiaTpAkQRXbMLdacLF4KgFBt+DmVKL22qzY59QyKznFMDZ6qJsezv/8pqspdYvxvqgSsOWIxETxXzjorj2kswMx0dNnDSTxyUcLWWbSa2T3MZcCAwEAAaAAMA0GCSqGSIb3DQEBCwUAA4GBABWkN0sm9XSSkYIUV1JQDtPz5OpfcrVmvCq4Fq7jt5GN4nV6V/MLDTd6TxOOS4sGpz2hwoK5bHJbcMinaRqnEYMd4AMYzd5Dba7oLZ+ldoz3zQKRY5iNUboOipUPtRI2cOmrkKtBr9PmDuVJ/8rl2JGH++Z7TZSjpbHfshiNGsC4";
const certificateBody =
	"MIIBNjCB6aADAgECAhQKNC7LUEqf6FY3tt5MUGmaRiFxRzAFBgMrZXAwEDEOMAwGA1UEAwwFYWxpY2UwIBcNMjYxMTI4MTI0ODA4WhgPMjEyNjExMDQxMjQ4MDhaMBAxDjAMBgNVBAMMBWFsaWNlMCowBQYDK2VwAyEA5KJyDLnPdWkUJl9pLb0ZRglc3oBILJdvVnE9pRatRfqjUzBRMB0GA1UdDgQWBBRMFWh9s/FKMlr7OFFixAlB7pGbZzAfBgNVHSMEGDAWgBRMFWh9s/FKMlr7OFFixAlB7pGbZzAPBgNVHRMBAf8EBTADAQH/MAUGAytlcANBADy5L0K/UQw/f7EsCTYHPO+AWZMambWJqXGqaTVvSUnWUDFs8aLd0N/jMPkAYDJ8Gv5bCEFK2cZr+dHY3IKtOgs=";

/** Base64 around PEM of some type, as `spec.request` and `status.certificate` hold it. */
export const encoded = (type: string, body: string): string => bytes(pem(type, body));

/** Bodies of requests by the type of their author's key. */
export const requestBodies = { ed25519, ec, rsa };

export const requestOf = (key: keyof typeof requestBodies): string => encoded("CERTIFICATE REQUEST", requestBodies[key]);
export const certificate = encoded("CERTIFICATE", certificateBody);
