{{ config(materialized='view') }}
SELECT o_orderstatus, count(*) AS orders FROM {{ source('lake', 'orders') }} GROUP BY o_orderstatus
