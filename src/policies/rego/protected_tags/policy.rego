# METADATA
# title: Protected tags
# description: >-
#   Tags that match one of the patterns are set once. Moving them to other content, or taking them away, needs one of
#   the roles.
# custom:
#   params:
#     type: object
#     additionalProperties: false
#     properties:
#       patterns:
#         description: globs over tag names; `*` matches any characters
#         type: array
#         items: {type: string, minLength: 1, maxLength: 128}
#         minItems: 1
#         maxItems: 100
#       roles:
#         description: roles that may move and delete protected tags
#         type: array
#         items: {type: string, minLength: 1, maxLength: 100}
#         maxItems: 20
package strongroom.protected_tags

defaults := {
	"patterns": ["v[0-9]*", "[0-9]*.[0-9]*.[0-9]*", "release-*", "stable"],
	"roles": ["admin"],
}

patterns := object.get(input.params, "patterns", defaults.patterns)

roles := object.get(input.params, "roles", defaults.roles)

deny contains finding if {
	input.action in {"tag", "push", "promote", "restore", "delete"}
	not params_valid
	finding := {"code": "PARAMS_INVALID", "msg": "patterns and roles must be lists of strings", "path": "params"}
}

deny contains finding if {
	input.action in {"tag", "push", "promote", "restore"}
	moved
	not privileged
	protected(input.tag.name)
	finding := {
		"code": "TAG_PROTECTED",
		"msg": sprintf("The tag %s is protected: it already names %s", [input.tag.name, input.tag.previousDigest]),
		"severity": "high",
		"path": "tag.name",
		"fix": sprintf("Use another tag, or ask somebody with one of the roles: %s", [concat(", ", roles)]),
	}
}

deny contains finding if {
	input.action == "delete"
	not privileged
	some name in deleted
	protected(name)
	finding := {
		"code": "TAG_PROTECTED",
		"msg": sprintf("The tag %s is protected: it cannot be deleted", [name]),
		"severity": "high",
		"path": "tag.name",
		"fix": sprintf("Ask somebody with one of the roles: %s", [concat(", ", roles)]),
	}
}

deny contains finding if {
	input.action == "delete"
	not input.tag
	not input.artifact.tags
	finding := {
		"code": "TAGS_UNKNOWN",
		"msg": "It is not known which tags name this artifact, and some may be protected",
		"severity": "high",
		"path": "artifact.tags",
	}
}

# A tag that is unknown to name the same content as before has moved.
moved if {
	input.tag.previousDigest
	not same_content
}

same_content if input.tag.previousDigest == input.artifact.digest

# Deleting a tag takes away that one; deleting the artifact takes away all that name it.
deleted := {input.tag.name} if input.tag

deleted := {name | some name in input.artifact.tags} if not input.tag

# What is no glob at all protects everything, rather than nothing.
protected(name) if {
	some pattern in patterns
	not free(pattern, name)
}

# null: `*` also matches dots
free(pattern, name) if glob.match(pattern, null, name) == false

privileged if {
	some role in roles
	role in input.actor.roles
}

params_valid if {
	is_array(patterns)
	is_array(roles)
	every text in array.concat(patterns, roles) {
		is_string(text)
	}
}
