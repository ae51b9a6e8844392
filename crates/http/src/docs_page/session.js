// The session of this browser: the cookie that the sign-in page sets, which no script can read. It is that of the account
// pages, so that whoever signs in or out there is signed in or out here.

const ME = "/v1/me";
const CURRENT = "/v1/sessions/current";

// The profile of the person who is signed in; null when nobody is.
export async function whoIsSignedIn() {
  const answer = await call("GET", ME);
  if (answer.status === 401) return null;
  if (!answer.ok) throw new Error(await messageOf(answer));
  return answer.json();
}

// Ends the session. One that the server has already ended is what was asked for.
export async function signOut() {
  const answer = await call("DELETE", CURRENT);
  if (!answer.ok && answer.status !== 401) throw new Error(await messageOf(answer));
}

function call(method, path) {
  const request = { method, headers: { Accept: "application/json" }, credentials: "same-origin", cache: "no-store" };
  return fetch(path, request).catch(() => {
    throw new Error("The service does not answer.");
  });
}

// What an RFC 9457 problem says, or the bare status when something else answered.
async function messageOf(answer) {
  const problem = await answer.json().catch(() => ({}));
  return problem.detail ?? problem.title ?? `The service answered ${answer.status}.`;
}
