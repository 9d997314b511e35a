# METADATA
# title: Promotion needs a second person
# description: >-
#   An artifact is promoted only when somebody else than who pushed it asks for the promotion or approves it.
# custom:
#   params:
#     type: object
#     additionalProperties: false
#     properties:
#       others:
#         description: how many people other than the pusher are needed
#         type: integer
#         minimum: 1
#         maximum: 10
#       serviceAccounts:
#         description: whether a service account that asks for the promotion counts as another person
#         type: boolean
package strongroom.promotion_second_person

defaults := {"others": 1, "serviceAccounts": false}

needed := object.get(input.params, "others", defaults.others)

service_accounts := object.get(input.params, "serviceAccounts", defaults.serviceAccounts)

deny contains finding if {
	input.action == "promote"
	not params_valid
	finding := {
		"code": "PARAMS_INVALID",
		"msg": "others must be an integer from 1 and serviceAccounts a boolean",
		"path": "params",
	}
}

deny contains finding if {
	input.action == "promote"
	not input.artifact.publishedBy
	finding := {
		"code": "PUSHER_UNKNOWN",
		"msg": "It is not known who pushed this artifact, so nobody can be said to be another person",
		"severity": "high",
		"path": "artifact.publishedBy",
	}
}

deny contains finding if {
	input.action == "promote"
	count(others) < needed
	finding := {
		"code": "SECOND_PERSON_REQUIRED",
		"msg": sprintf("The promotion needs %d other than who pushed the artifact, and has %d", [needed, count(others)]),
		"severity": "high",
		"path": "promotion.approvedBy",
		"fix": "Let somebody else ask for the promotion or approve it",
	}
}

others := (requester | approvers) - {input.artifact.publishedBy}

default requester := set()

requester := {input.promotion.requestedBy} if not automatic

# A person could otherwise approve their own push through an account that they control.
automatic if {
	not service_accounts
	input.promotion.requestedBy == input.actor.id
	input.actor.kind != "user"
}

approvers := {id | some id in input.promotion.approvedBy}

params_valid if {
	is_number(needed)
	needed >= 1
	needed == floor(needed)
	is_boolean(service_accounts)
}
