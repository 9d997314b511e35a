package strongroom.promotion_second_person_test

import data.strongroom.promotion_second_person as policy

# The cases are data, so that they also run on the compiled module: test/policies/shipped.unit.test.ts
test_cases[note] if {
	some group in data.cases
	some case in group.list
	note := case.note
	codes := {finding.code | some finding in policy.deny} with input as object.union(group.base, case.input)
	codes == {code | some code in case.deny}
}
