/** Short names for the shapes in the generated description of the API. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type Attachment = Schemas['Attachment'];
export type AuditEntry = Schemas['AuditEntry'];
export type AuditPage = Schemas['Page_AuditEntry'];
export type AuditReport = Schemas['AuditReport'];
export type Citation = Schemas['Citation'];
export type Collection = Schemas['Collection'];
export type ConversationSummary = Schemas['Conversation'];
export type Conversation = Schemas['ConversationDetail'];
export type DataClass = Schemas['DataClass'];
export type Document = Schemas['Document'];
export type DocumentState = Schemas['DocumentState'];
export type GatewayRoute = Schemas['GatewayRoute'];
export type GatewayStatus = Schemas['GatewayStatus'];
export type GatewayToday = Schemas['GatewayToday'];
export type Hit = Schemas['SearchHit'];
export type KeptModel = Schemas['KeptModel'];
export type KeptModels = Schemas['KeptModels'];
export type Key = Schemas['Key'];
export type Limit = Schemas['Limit'];
export type LimitableKey = Schemas['LimitableKey'];
export type Limits = Schemas['Limits'];
export type LimitUse = Schemas['LimitUse'];
export type Me = Schemas['Me'];
export type Message = Schemas['Message'];
export type Model = Schemas['Model'];
export type ModelAccess = Schemas['ModelAccess'];
export type ModelDefinition = Schemas['ModelDefinition'];
export type Models = Schemas['Models'];
export type MonthUsage = Schemas['MonthUsage'];
export type OwnUsage = Schemas['OwnUsage'];
export type OwnLimits = Schemas['OwnLimits'];
export type PageBox = Schemas['PageBox'];
export type Passage = Schemas['Passage'];
export type PassageInDocument = Schemas['PassageInDocument'];
export type Place = Schemas['Place'];
export type PlacePolicy = Schemas['PlacePolicy'];
export type Problem = Schemas['Problem'];
export type Question = Schemas['Question'];
export type Reason = Schemas['Reason'];
export type Role = Schemas['Role'];
/** What the events of a run carry, by their names. */
export interface RunEvents {
	snapshot: Schemas['SnapshotEvent'];
	delta: Schemas['DeltaEvent'];
	stage: Schemas['StageEvent'];
	citations: Schemas['CitationsEvent'];
	done: Schemas['DoneEvent'];
}
export type RunState = Schemas['RunState'];
export type Scope = Schemas['Scope'];
export type Session = Schemas['Session'];
export type SummaryLength = Schemas['SummaryLength'];
export type System = Schemas['System'];
export type Task = Schemas['Task'];
export type TenantKey = Schemas['TenantKey'];
export type Unit = Schemas['Unit'];
export type User = Schemas['User'];
export type Visibility = Schemas['CollectionVisibility'];
export type WantedVisibility = Schemas['WantedVisibility'];
export type UsageBy = 'unit' | 'model' | 'place' | 'data_class' | 'day';
export type UsageFigures = Schemas['UsageFigures'];
export type UsageItem = Schemas['UsageItem'];
