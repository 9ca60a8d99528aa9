// One sample of the data of each event type that a dialect defines.

/** As a producer would write it. */
const DATA: Readonly<Record<string, string>> = {
  "file.created": '{"file_id":"f_1","name":"report.pdf","size":12345678901234567890}',
  "file.deleted": '{"file_id":"f_1"}',
  "file.downloaded": '{"file_id":"f_1","by":"u_2"}',
  "share.linked": '{"share_id":"s_1","file_id":"f_1"}',
  "share.deleted": '{"share_id":"s_1"}',
  "org.userAdded": '{"org_id":"o_1","user_id":"u_2"}',
  "org.userRemoved": '{"org_id":"o_1","user_id":"u_2"}',
  "org.updated": '{"org_id":"o_1","name":"Ångström & Söhne"}',
  "org.permissionChanged": '{"org_id":"o_1","user_id":"u_2","role":"admin"}',
  "storage.exceeded": '{"used":1.0e12,"limit":1.0e12}',
  task_assigned: '{"title":"Write the release notes","task_id":"t_1","by":"u_2"}',
  task_status: '{"title":"The task is done","task_id":"t_1","status":"done"}',
  blocker: '{"title":"A task is blocked","task_id":"t_1","blocked_by":"t_2"}',
  review: '{"title":"A review is requested","review_id":"r_1"}',
  meeting: '{"title":"Planning","meeting_id":"m_1","starts_at":"2026-01-02T10:00:00Z"}',
  weekly_digest: '{"title":"Your week","done":12,"open":3}',
  "team_support.approved": '{"title":"Your request was approved","request_id":"q_1"}',
  system: '{"title":"Maintenance on Sunday"}',
};

/** Returns the text of a JSON object; null if no dialect defines the type. */
export function sampleData(type: string): string | null {
  return Object.hasOwn(DATA, type) ? (DATA[type] ?? null) : null;
}
