# METADATA
# title: Name and version pattern
# description: >-
#   Names, versions and tags of what comes in must match regular expressions (RE2), each as a whole.
# custom:
#   params:
#     type: object
#     additionalProperties: false
#     properties:
#       name:
#         description: regular expression for the name of the package
#         type: string
#         minLength: 1
#         maxLength: 1000
#       version:
#         description: regular expression for the version; for OCI that is the digest of the manifest
#         type: string
#         minLength: 1
#         maxLength: 1000
#       tag:
#         description: regular expression for tags
#         type: string
#         minLength: 1
#         maxLength: 1000
package strongroom.name_and_version_pattern

defaults := {
	"name": "[a-z0-9]+([._/-]+[a-z0-9]+)*",
	"version": "sha(256|512):[0-9a-f]+|v?[0-9]+([.][0-9]+)*([._+-]?[0-9A-Za-z]+)*",
	"tag": "latest|v?[0-9]+([.][0-9]+)*([._-]?[0-9A-Za-z]+)*",
}

params := object.union(defaults, input.params)

deny contains finding if {
	incoming
	some key, pattern in params
	not usable(pattern)
	finding := {
		"code": "PARAMS_INVALID",
		"msg": sprintf("params.%s must be a regular expression", [key]),
		"path": "params",
	}
}

deny contains finding if {
	incoming
	not matches(params.name, input.artifact.package)
	finding := refused("NAME_REFUSED", "name", {"value": input.artifact.package, "path": "artifact.package"})
}

deny contains finding if {
	incoming
	not matches(params.version, input.artifact.version)
	finding := refused("VERSION_REFUSED", "version", {"value": input.artifact.version, "path": "artifact.version"})
}

deny contains finding if {
	incoming
	input.tag
	not matches(params.tag, input.tag.name)
	finding := refused("TAG_REFUSED", "tag", {"value": input.tag.name, "path": "tag.name"})
}

incoming if input.action in {"push", "tag", "promote"}

matches(pattern, value) if regex.match(whole(pattern), value)

usable(pattern) if regex.is_valid(whole(pattern))

whole(pattern) := concat("", ["^(?:", pattern, ")$"])

refused(code, key, at) := {
	"code": code,
	"msg": sprintf("The %s %s does not follow the pattern of this place", [key, at.value]),
	"severity": "low",
	"path": at.path,
	"fix": sprintf("It must match the regular expression %s", [params[key]]),
}
