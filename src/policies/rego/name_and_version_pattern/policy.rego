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
	some key, value in failing
	usable(params[key])
	finding := {
		"code": codes[key],
		"msg": sprintf("The %s %s does not follow the pattern of this place", [key, value]),
		"severity": "low",
		"path": paths[key],
		"fix": sprintf("It must match the regular expression %s", [params[key]]),
	}
}

deny contains finding if {
	some key, _ in failing
	not usable(params[key])
	finding := {
		"code": "PARAMS_INVALID",
		"msg": sprintf("params.%s must be a regular expression", [key]),
		"path": "params",
	}
}

codes := {"name": "NAME_REFUSED", "version": "VERSION_REFUSED", "tag": "TAG_REFUSED"}

paths := {"name": "artifact.package", "version": "artifact.version", "tag": "tag.name"}

failing[key] := value if {
	input.action in {"push", "tag", "promote"}
	some key, value in values
	not matches(params[key], value)
}

values["name"] := input.artifact.package

values["version"] := input.artifact.version

values["tag"] := input.tag.name

matches(pattern, value) if regex.match(whole(pattern), value)

usable(pattern) if regex.is_valid(whole(pattern))

whole(pattern) := concat("", ["^(?:", pattern, ")$"])
