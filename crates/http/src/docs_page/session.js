// The session of this browser: a cookie set by the sign-in page, which no script can read. The account pages share it, so
// signing in or out there also signs in or out here.

const ME = "/v1/me";
const CURRENT = "/v1/sessions/current";

// Returns the profile of the signed-in account, or null.
export async function whoIsSignedIn() {
  const answer = await call("GET", ME);
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error(await messageOf(answer));
  return answer.json();
}

// Ends the session. It is not an error if the server has already ended it.
export async function signOut() {
  const answer = await call("DELETE", CURRENT);
  if (!answer.ok && answer.status !== 401) throw new Error(await messageOf(answer));
}

function call(method, path) {
  const request = { method, headers: { Accept: "application/json" }, credentials: "same-origin", cache: "no-store" };
  return fetch(path, request).catch(() => {
    throw new Error("The service is not responding.");
  });
}

// Returns the message of an RFC 9457 problem, or the status if the response is something else.
async function messageOf(answer) {
  const problem = await answer.json().catch(() => ({}));
  return problem.detail ?? problem.title ?? `The service responded with status ${answer.status}.`;
}
