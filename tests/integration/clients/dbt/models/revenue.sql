{{ config(materialized='selected') }}
SELECT
    segment,
    count(*) AS orders,
    sum(o_totalprice) AS revenue,
    min(o_orderdate) AS first_day,
    max(CASE WHEN o_orderstatus = 'never' THEN 1 END) AS nothing
FROM {{ source('lake', 'orders') }}
JOIN {{ ref('segments') }} ON o_custkey = c_custkey
GROUP BY segment
ORDER BY segment
